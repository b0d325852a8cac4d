"""What a recipe would do, known before anything is trained."""
