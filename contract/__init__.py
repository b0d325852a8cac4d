"""What every stage shares: errors, strict documents, hashed folders and locks. No stage is known here."""
