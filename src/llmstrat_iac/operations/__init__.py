"""What the commands do, without saying how it is shown: deploy, destroy, chat, read logs, rotate keys."""
