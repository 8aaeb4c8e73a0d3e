"""The simulated city: cases that agencies publish, with a truth file of what supervision must find in them."""
