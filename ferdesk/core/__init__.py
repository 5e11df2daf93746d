"""What every other part shares: labels, value types, alignment, preprocessing, bundles, errors."""
