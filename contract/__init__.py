"""What every stage shares: errors, strict documents, hashed folders and locks. It knows no stage."""
