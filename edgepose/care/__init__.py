"""What is recognised of people's lives: one rule a file, each given time, none asking the clock."""
