// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/resource"
)

// standardInput is how the standard input is called in errors.
const standardInput = "standard input"

// manifestFiles are objects in files, which are read as in kubectl: files, folders, URLs, and - for the standard input.
type manifestFiles struct {
	files     []string
	recursive bool
}

func (f *manifestFiles) add(cmd *cobra.Command, usage string) {
	flags := genericclioptions.FileNameFlags{Usage: usage, Filenames: &f.files, Recursive: &f.recursive}
	flags.AddFlags(cmd.Flags())
}

func (f *manifestFiles) given() bool { return len(f.files) > 0 }

// documents returns the objects in the files that can be read, and an error for the others. Neither a terminal nor a URL can be read with
// a context, so what is still being read when ctx ends is left to the end of the program.
func (f *manifestFiles) documents(ctx context.Context, in io.Reader) ([]*resource.Info, error) {
	type result struct {
		documents []*resource.Info
		err       error
	}
	read := make(chan result, 1)
	go func() {
		documents, err := f.read(in)
		read <- result{documents, err}
	}()
	select {
	case r := <-read:
		return r.documents, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (f *manifestFiles) read(in io.Reader) (documents []*resource.Info, err error) {
	builder := resource.NewLocalBuilder().Unstructured().Local()
	files := slices.DeleteFunc(slices.Clone(f.files), func(file string) bool { return file == "-" })
	if len(files) < len(f.files) {
		builder = builder.Stream(in, standardInput)
	}
	err = builder.
		FilenameParam(false, &resource.FilenameOptions{Filenames: files, Recursive: f.recursive}).
		Flatten().
		ContinueOnError().
		Do().
		Visit(func(info *resource.Info, err error) error {
			if err == nil {
				documents = append(documents, info)
			}
			return err
		})
	return documents, err
}
