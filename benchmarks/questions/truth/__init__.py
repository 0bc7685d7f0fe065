"""Facts of Convocore's raw rows and of people, in plain code of its own."""
