"""The bundles and the face models: seeing, choosing, adding, removing, fetching them."""
