package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/klauspost/compress/gzip"
)

// entry is a file of a layer. It belongs to root, and nobody can write to it.
type entry struct {
	name    string
	mode    int64
	content []byte
}

// layer is a layer with these files and their folders.
func layer(entries []entry) (v1.Layer, error) {
	var packed bytes.Buffer
	compressor, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	archive := tar.NewWriter(compressor)
	add := func(header tar.Header, content []byte) error {
		// Not the commit's, so that releases share a layer whose files have not changed.
		header.ModTime = time.Unix(0, 0)
		header.Format = tar.FormatUSTAR
		if err := archive.WriteHeader(&header); err != nil {
			return err
		}
		_, err := archive.Write(content)
		return err
	}
	for _, file := range entries {
		parts := strings.Split(path.Dir(file.name), "/")
		for depth := range parts {
			folder := strings.Join(parts[:depth+1], "/")
			if folder == "." {
				continue
			}
			if err := add(tar.Header{Typeflag: tar.TypeDir, Name: folder + "/", Mode: 0o755}, nil); err != nil {
				return nil, err
			}
		}
		header := tar.Header{Typeflag: tar.TypeReg, Name: file.name, Mode: file.mode, Size: int64(len(file.content))}
		if err := add(header, file.content); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	if err := compressor.Close(); err != nil {
		return nil, err
	}
	opener := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil }
	return tarball.LayerFromOpener(opener, tarball.WithMediaType(types.OCILayer))
}

// write replaces the folder by a layout with this one image or index, reads it again and compares every digest and size.
func write(out string, content any, version string) (v1.Hash, error) {
	unfinished := out + ".unfinished"
	if err := os.RemoveAll(unfinished); err != nil {
		return v1.Hash{}, err
	}
	digest, err := writeLayout(unfinished, content, version)
	if err != nil {
		return v1.Hash{}, fmt.Errorf("%s: %w", unfinished, err)
	}
	if err := os.RemoveAll(out); err != nil {
		return v1.Hash{}, err
	}
	return digest, os.Rename(unfinished, out)
}

func writeLayout(folder string, content any, version string) (v1.Hash, error) {
	root, err := layout.Write(folder, empty.Index)
	if err != nil {
		return v1.Hash{}, err
	}
	// The tag in the layout, for the tools that want one.
	name := layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": version})
	var digest v1.Hash
	switch content := content.(type) {
	case v1.ImageIndex:
		if err := root.AppendIndex(content, name); err != nil {
			return v1.Hash{}, err
		}
		digest, err = content.Digest()
	case v1.Image:
		if err := root.AppendImage(content, name); err != nil {
			return v1.Hash{}, err
		}
		digest, err = content.Digest()
	default:
		err = fmt.Errorf("neither an image nor an index: %T", content)
	}
	if err != nil {
		return v1.Hash{}, err
	}
	written, err := root.ImageIndex()
	if err != nil {
		return v1.Hash{}, err
	}
	return digest, validate.Index(written)
}
