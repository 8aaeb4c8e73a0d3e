"""What may be said: contracts, labels on fields, codes, identifiers, codec, envelope."""
