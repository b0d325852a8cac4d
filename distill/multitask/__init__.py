"""Several tasks to one encoder: a student with a head for each task, taught by the teacher of each."""
