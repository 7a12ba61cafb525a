// Prints every option of oauth2-proxy: flag, name in the configuration file, type and default, one a line.
//
// It runs in a copy of oauth2-proxy's module, which `go mod download` leaves in the module cache:
//
//	cd "$(go mod download -json github.com/oauth2-proxy/oauth2-proxy/v7@v7.15.6 | jq -r .Dir)"
//	go run PATH/tests/setup/oauth2_proxy_options.go > PATH/src/companion/migration/oauth2_proxy/options/v7.15.6.txt
package main

import (
	"fmt"
	"reflect"
	"sort"

	"github.com/oauth2-proxy/oauth2-proxy/v7/pkg/apis/options"
)

func names(of reflect.Type, found map[string]string) {
	for i := 0; i < of.NumField(); i++ {
		field := of.Field(i)
		if flag := field.Tag.Get("flag"); flag != "" {
			found[flag] = field.Tag.Get("cfg")
		} else if field.Type.Kind() == reflect.Struct && field.Tag.Get("cfg") == ",squash" {
			names(field.Type, found)
		}
	}
}

func alpha(of reflect.Type, path string, lines *[]string) {
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.Struct {
		alpha(of.Elem(), path+"[]", lines)
		return
	}
	if of.Kind() != reflect.Struct {
		*lines = append(*lines, fmt.Sprintf("alpha %s %s", path, of))
		return
	}
	for i := 0; i < of.NumField(); i++ {
		field := of.Field(i)
		name := field.Tag.Get("yaml")
		for j := range name {
			if name[j] == ',' {
				name = name[:j]
				break
			}
		}
		if path != "" {
			name = path + "." + name
		}
		alpha(field.Type, name, lines)
	}
}

func main() {
	cfg := map[string]string{}
	names(reflect.TypeOf(options.LegacyOptions{}), cfg)
	flags := options.NewLegacyFlagSet()
	var lines []string
	for flag, key := range cfg {
		found := flags.Lookup(flag)
		lines = append(lines, fmt.Sprintf("option %s %s %s %s", flag, key, found.Value.Type(), found.DefValue))
	}
	sort.Strings(lines)
	alpha(reflect.TypeOf(options.AlphaOptions{}), "", &lines)
	for _, line := range lines {
		fmt.Println(line)
	}
}
