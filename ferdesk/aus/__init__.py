"""Action units: how strongly a face does each of the movements of `ferdesk.core.aus`."""
