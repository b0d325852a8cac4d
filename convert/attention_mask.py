"""The score added to attention at padding. Torch-free."""

# Large enough that padding gets no weight after softmax, and small enough not to ruin the range of a quantised score,
# unlike the lowest float32 that transformers uses.
MASKED_SCORE = -1e4
