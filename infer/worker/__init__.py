"""The process that measures, a fresh one for each job, and its client."""
