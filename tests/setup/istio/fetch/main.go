// Fetches the Wasm module of an image with the code that an Istio proxy fetches it with.
package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"time"

	"istio.io/istio/pkg/wasm"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: fetch oci://REGISTRY/REPOSITORY[:TAG][@sha256:DIGEST] DIGEST")
		os.Exit(2)
	}
	module, err := fetch(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintf(os.Stderr, "fetch: %v\n", err)
		os.Exit(1)
	}
	fmt.Printf("%x\n", sha256.Sum256(module))
}

// fetch returns the module. The digest is what WasmPlugin and TrafficExtension have in the field sha256; an empty one
// is not checked.
func fetch(url, digest string) ([]byte, error) {
	folder, err := os.MkdirTemp("", "fetch-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	cache := wasm.NewLocalFileCache(folder, wasm.Options{
		PurgeInterval: time.Hour,
		ModuleExpiry:  time.Hour,
	})
	defer cache.Cleanup()
	file, err := cache.Get(url, wasm.GetOptions{
		Checksum:       digest,
		ResourceName:   "portcullis",
		RequestTimeout: 30 * time.Second,
	})
	if err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}
