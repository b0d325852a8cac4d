"""What a masked token's attention score is. Torch-free."""

# Large enough to leave a masked token nothing after softmax, small enough not to ruin the range of a quantised one,
# which the lowest float32 of transformers does.
MASKED_SCORE = -1e4
