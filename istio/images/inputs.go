package main

import (
	"bytes"
	"crypto/x509"
	"debug/elf"
	"encoding/pem"
	"fmt"
	"os"
)

// readModule reads a Wasm module.
func readModule(file string) ([]byte, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w\nhelp: build it with `make wasm`", err)
	}
	if !bytes.HasPrefix(content, []byte("\x00asm\x01\x00\x00\x00")) {
		return nil, fmt.Errorf("%s: not a Wasm module\nhelp: build it with `make wasm`", file)
	}
	return content, nil
}

// readProgram reads a program that runs on an empty base: for this architecture, and without a dynamic loader.
func readProgram(file, architecture string) ([]byte, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w\nhelp: build it with `make images`", err)
	}
	program, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%s: not an ELF file: %w\nhelp: build it with `make images`", file, err)
	}
	machine := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[architecture]
	if program.Machine != machine {
		return nil, fmt.Errorf("%s: built for %v, not for %s\nhelp: build it for %s-unknown-linux-musl", file, program.Machine,
			architecture, map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[architecture])
	}
	for _, header := range program.Progs {
		if header.Type == elf.PT_INTERP {
			return nil, fmt.Errorf("%s: needs a dynamic loader, which an empty base does not have\n"+
				"help: build it for a musl target", file)
		}
	}
	return content, nil
}

// readCertificates reads a bundle of CA certificates, of which each must be valid PEM.
func readCertificates(file string) ([]byte, error) {
	const help = "help: install the list of public CAs with `tests/setup/certificates.sh`"
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, help)
	}
	count := 0
	for rest := content; ; count++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return nil, fmt.Errorf("%s: certificate %d: %w\n%s", file, count+1, err, help)
		}
	}
	if count < 50 {
		return nil, fmt.Errorf("%s: %d certificates\n%s", file, count, help)
	}
	return content, nil
}
