"""EC2, Elastic Load Balancing and Auto Scaling that act: instances run what they were launched for."""
