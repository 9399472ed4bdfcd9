"""The declarations, one module per AWS service (API Gateway by area): API calls and their shapes."""
