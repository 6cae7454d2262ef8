"""gatewise: recurrent networks you can see inside, at full speed."""
