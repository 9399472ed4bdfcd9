"""What falls due by the calendar: EventBridge schedules and scheduled scaling actions, and the clock they go by."""
