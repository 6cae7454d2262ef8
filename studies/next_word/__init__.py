"""The next word: a grammar whose floor is known, and English text beside Brotli."""
