// SPDX-License-Identifier: Apache-2.0

// client WAY NAME: one request by net/http. Whether names are resolved by Go itself or by the C library is decided by how this is built.
package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
)

func main() {
	way, name := os.Args[1], os.Args[2]
	scheme, proxy := "https", ""
	switch way {
	case "http":
		scheme = "http"
	case "proxy":
		scheme, proxy = "http", "http://proxy.example.net:3128"
	case "connect":
		proxy = "http://proxy.example.net:3128"
	case "socks5h":
		proxy = "socks5://proxy.example.net:1080"
	}
	transport := &http.Transport{ForceAttemptHTTP2: way == "h2"}
	if proxy != "" {
		at, _ := url.Parse(proxy)
		transport.Proxy = http.ProxyURL(at)
	}
	response, err := (&http.Client{Transport: transport}).Get(scheme + "://" + name + "/")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	io.Copy(io.Discard, response.Body)
	response.Body.Close()
	transport.CloseIdleConnections()
}
