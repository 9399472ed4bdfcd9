//go:build tools

// Package pythonhost pins Pulumi's Python language host so that it can be built from Go modules alone.
package pythonhost

import _ "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
