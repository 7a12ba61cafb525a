package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// sbom writes cargo-cyclonedx's file again without what differs between machines: the folder of the sources in the names of
// the workspace's packages. It adds the certificates, which are no crate.
func sbom(in, out, sources, certificates string) error {
	text, err := os.ReadFile(in)
	if err != nil {
		return fmt.Errorf("%w\nhelp: run `make dist`", err)
	}
	if strings.Contains(string(text), `"serialNumber"`) {
		return fmt.Errorf("%s: has a random serial number\nhelp: set SOURCE_DATE_EPOCH for cargo-cyclonedx", in)
	}
	// JSON escapes nothing that a path of a build has.
	text = []byte(strings.ReplaceAll(string(text), "path+file://"+sources+"/", "path+file:///"))
	if strings.Contains(string(text), sources) {
		return fmt.Errorf("%s: still names the folder %s", in, sources)
	}
	var document map[string]any
	if err := json.Unmarshal(text, &document); err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	if certificates != "" {
		components, ok := document["components"].([]any)
		if !ok {
			return fmt.Errorf("%s: no components", in)
		}
		purl := "pkg:pypi/certifi@" + certificates
		document["components"] = append(components, map[string]any{
			"type":        "data",
			"bom-ref":     purl,
			"name":        "certifi",
			"version":     certificates,
			"description": "Mozilla's list of CA certificates: /etc/ssl/certs/ca-certificates.crt",
			"licenses":    []any{map[string]any{"license": map[string]any{"id": "MPL-2.0"}}},
			"purl":        purl,
		})
	}
	text, err = json.MarshalIndent(document, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(text, '\n'), 0o644)
}
