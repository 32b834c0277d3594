"""Weights that travel with radtool; their licence is in the model card, not the code's."""
