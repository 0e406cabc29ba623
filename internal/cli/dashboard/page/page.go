// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package page is the page of the dashboard: HTML, CSS and JavaScript modules, as they are served. It needs no build and has no
// third-party code.
package page

import (
	"embed"
	"net/http"
	"path"
)

//go:embed *.html *.css *.js *.svg
var files embed.FS

// types are the content types: those of the system may be wrong, and browsers that must not guess would refuse the modules.
var types = map[string]string{
	"/":     "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".html": "text/html; charset=utf-8",
}

// Handler serves the files.
func Handler() http.Handler {
	served := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := path.Ext(r.URL.Path)
		if r.URL.Path == "/" {
			kind = "/"
		}
		if known := types[kind]; known != "" {
			w.Header().Set("Content-Type", known)
		}
		served.ServeHTTP(w, r)
	})
}
