//go:build tools

// Package cli pins the Pulumi command line so that it can be built from Go modules alone.
package cli

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
