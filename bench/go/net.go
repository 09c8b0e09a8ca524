// SPDX-License-Identifier: MIT

package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
)

// serve prints its port, and sends back what it gets until it is killed: for bench-load.
func serve() float64 {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	must(err)
	return echoAll(listener)
}

// serveTLS does the same over TLS 1.3, with the certificate that the environment names.
func serveTLS() float64 {
	certificate, err := tls.LoadX509KeyPair(os.Getenv("BENCH_CERTIFICATE"), os.Getenv("BENCH_KEY"))
	must(err)
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13}
	listener, err := tls.Listen("tcp4", "127.0.0.1:0", config)
	must(err)
	return echoAll(listener)
}

func echoAll(listener net.Listener) float64 {
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	for {
		connection, err := listener.Accept()
		must(err)
		go echo(connection)
	}
}

func echo(connection net.Conn) {
	defer connection.Close()
	buffer := make([]byte, 1024)
	for {
		n, err := connection.Read(buffer)
		if err != nil {
			return
		}
		if _, err := connection.Write(buffer[:n]); err != nil {
			return
		}
	}
}
