"""The process that measures, and how it is started: one fresh one for each job."""
