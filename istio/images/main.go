// Command images writes the project's images as OCI layouts, without a container engine, and their SBOMs.
//
// The same files, version, revision and date give the same digests, wherever it runs: owners, modes and times are set
// here, and the compressor is pinned by go.sum, not by the installed Go.
//
// It uses go-containerregistry, with which Istio's and Envoy Gateway's fetchers read what it writes.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const usage = `usage:
  images filter    -wasm FILE                                 -out FOLDER -version V -created SECONDS [-revision R]
  images companion -amd64 FILE [-arm64 FILE] -certificates FILE -out FOLDER -version V -created SECONDS [-revision R]
  images sbom      -bom FILE -sources FOLDER [-certifi VERSION] -out FILE
`

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("no command\nhelp: %s", usage))
	}
	flags := flag.NewFlagSet("images", flag.ExitOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), usage) }
	text := func(name, help string) *string { return flags.String(name, "", help) }
	var (
		out          = text("out", "what is written: the folder of the OCI layout, which is replaced, or a file")
		version      = text("version", "the version of the workspace")
		revision     = text("revision", "the commit; left out if it is unknown")
		created      = flags.Int64("created", -1, "the time of the commit, in seconds since 1970")
		wasm         = text("wasm", "the filter")
		amd64        = text("amd64", "the companion for amd64")
		arm64        = text("arm64", "the companion for arm64")
		certificates = text("certificates", "the certificates of the public CAs, in PEM")
		bom          = text("bom", "the file of cargo-cyclonedx")
		sources      = text("sources", "the folder of the workspace, in which cargo-cyclonedx ran")
		certifi      = text("certifi", "the version of the certificates in the image")
	)
	_ = flags.Parse(os.Args[2:])
	command := os.Args[1]
	if *out == "" || flags.NArg() > 0 {
		fail(fmt.Errorf("-out is required\nhelp: %s", usage))
	}
	if command == "sbom" {
		if err := sbom(*bom, *out, *sources, *certifi); err != nil {
			fail(err)
		}
		return
	}
	if *version == "" || *created < 0 {
		fail(fmt.Errorf("-version and -created are required\nhelp: %s", usage))
	}
	r := release{Version: *version, Revision: *revision, Created: time.Unix(*created, 0).UTC()}
	var digest v1.Hash
	var err error
	switch command {
	case "filter":
		digest, err = r.filter(*wasm, *out)
	case "companion":
		digest, err = r.companion(map[string]string{"amd64": *amd64, "arm64": *arm64}, *certificates, *out)
	default:
		err = fmt.Errorf("unknown command %q\nhelp: expected one of: filter, companion, sbom", command)
	}
	if err != nil {
		fail(err)
	}
	fmt.Printf("%s %s %s\n", command, *version, digest)
}

func fail(err error) {
	fmt.Fprintf(os.Stderr, "error: %v\n", err)
	os.Exit(1)
}
