package main

import (
	"maps"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The user and group that the companion runs as: by number, so that Kubernetes can check runAsNonRoot. It owns no file
// of the image.
const user = "65532:65532"

// release is what the images say about themselves.
type release struct {
	Version  string
	Revision string
	Created  time.Time
}

// annotations are the ones that OCI defines. Registries and tools for updates read them.
func (r release) annotations(title, description string) map[string]string {
	all := map[string]string{
		"org.opencontainers.image.created":     r.Created.Format(time.RFC3339),
		"org.opencontainers.image.description": description,
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.title":       title,
		"org.opencontainers.image.version":     r.Version,
	}
	if r.Revision != "" {
		all["org.opencontainers.image.revision"] = r.Revision
	}
	return all
}

// filter writes the image of the filter, in the layout that Istio and Envoy Gateway take: one layer of the media type
// application/vnd.oci.image.layer.v1.tar+gzip, with the module as plugin.wasm at its top. The artifact layout of CNCF,
// with one layer of the type application/wasm, is refused by their fetchers.
func (r release) filter(wasm, out string) (v1.Hash, error) {
	module, err := readModule(wasm)
	if err != nil {
		return v1.Hash{}, err
	}
	annotations := r.annotations("portcullis-filter", "The access gate of Portcullis, a Wasm filter for Envoy")
	// Fetchers do not look at the platform. This is the one that a container engine writes for the same layout.
	image, err := r.image("amd64", v1.Config{Labels: annotations}, annotations, []entry{{"plugin.wasm", 0o444, module}})
	if err != nil {
		return v1.Hash{}, err
	}
	return write(out, image, r.Version)
}

// companion writes the image of the companion: an index with an image for each architecture, which has the program, the
// certificates of the public CAs and nothing else.
func (r release) companion(binaries map[string]string, certificates, out string) (v1.Hash, error) {
	annotations := r.annotations("portcullis", "The companion of Portcullis: sign-in, sessions, forward auth and operator tools")
	// The certificates are Mozilla's list.
	annotations["org.opencontainers.image.licenses"] = "Apache-2.0 AND MPL-2.0"
	bundle, err := readCertificates(certificates)
	if err != nil {
		return v1.Hash{}, err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, architecture := range []string{"amd64", "arm64"} {
		file := binaries[architecture]
		if file == "" {
			continue
		}
		program, err := readProgram(file, architecture)
		if err != nil {
			return v1.Hash{}, err
		}
		config := v1.Config{User: user, Entrypoint: []string{"/portcullis"}, WorkingDir: "/", Labels: annotations}
		image, err := r.image(architecture, config, annotations,
			// Where the companion's TLS library looks on every Linux. A layer of its own, which releases share.
			[]entry{{"etc/ssl/certs/ca-certificates.crt", 0o444, bundle}},
			[]entry{{"portcullis", 0o555, program}})
		if err != nil {
			return v1.Hash{}, err
		}
		platform := v1.Platform{OS: "linux", Architecture: architecture}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        image,
			Descriptor: v1.Descriptor{Platform: &platform},
		})
	}
	return write(out, mutate.Annotations(index, annotations).(v1.ImageIndex), r.Version)
}

// image is an image for Linux with these layers.
func (r release) image(architecture string, config v1.Config, annotations map[string]string, layers ...[]entry) (v1.Image, error) {
	created := v1.Time{Time: r.Created}
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	config.Labels = maps.Clone(config.Labels)
	image, err := mutate.ConfigFile(image, &v1.ConfigFile{
		Architecture: architecture,
		Config:       config,
		Created:      created,
		OS:           "linux",
		RootFS:       v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, err
	}
	for _, entries := range layers {
		layer, err := layer(entries)
		if err != nil {
			return nil, err
		}
		history := v1.History{Created: created, CreatedBy: "COPY " + entries[0].name + " /" + entries[0].name}
		if image, err = mutate.Append(image, mutate.Addendum{Layer: layer, History: history}); err != nil {
			return nil, err
		}
	}
	return runnable{mutate.Annotations(image, annotations).(v1.Image)}, nil
}

// runnable is an image and not an artifact. Without this, go-containerregistry gives descriptors the member artifactType, by
// which some clients tell artifacts from images.
type runnable struct{ v1.Image }

// ArtifactType is asked for when a descriptor is written.
func (runnable) ArtifactType() (string, error) { return "", nil }
