"""Open models on EC2: a network, a fleet that serves, an instance that trains; and what finds and removes them."""
