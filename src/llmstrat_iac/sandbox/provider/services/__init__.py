"""The declarations, one module per AWS service (API Gateway by area): API calls and the shape of requests and answers."""
