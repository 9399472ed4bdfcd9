"""FSx for Lustre in the emulator: file systems with a life in a subnet, and their links to S3."""
