// SPDX-License-Identifier: GPL-2.0-or-later

// client DEVICE: Go's os.File on a vfifo, which its tests have for themselves.
// client copy DEVICE: copies the stream to standard output, to its end.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func expect(what string, err, wanted error) {
	if !errors.Is(err, wanted) {
		panic(fmt.Sprint(what, ": ", err, ", wanted: ", wanted))
	}
}

func pattern(n int) []byte {
	data := make([]byte, n)
	state := uint32(1)
	for i := range data {
		state = state*1664525 + 1013904223
		data[i] = byte(state >> 24)
	}
	return data
}

func bothDirections(f *os.File) {
	data, got := pattern(1<<20), make([]byte, 1<<20)
	done := make(chan error)
	go func() {
		_, err := f.Write(data)
		done <- err
	}()
	_, err := io.ReadFull(f, got)
	must(err)
	must(<-done)
	if !bytes.Equal(got, data) {
		panic("the bytes differ")
	}
}

// A Write that ends at its deadline tells how many bytes it has stored. None of them is lost.
func deadlines(f *os.File) {
	must(f.SetReadDeadline(time.Now().Add(200 * time.Millisecond)))
	_, err := f.Read(make([]byte, 1))
	expect("read from an empty FIFO", err, os.ErrDeadlineExceeded)
	must(f.SetReadDeadline(time.Time{}))

	data := pattern(1 << 20)
	must(f.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)))
	n, err := f.Write(data)
	expect("write to a full FIFO", err, os.ErrDeadlineExceeded)
	must(f.SetWriteDeadline(time.Time{}))
	if n == 0 || n == len(data) {
		panic(fmt.Sprint("stored at the deadline: ", n))
	}
	got := make([]byte, n)
	_, err = io.ReadFull(f, got)
	must(err)
	if !bytes.Equal(got, data[:n]) {
		panic("the bytes differ")
	}
}

func closeEndsARead(device string) {
	f, err := os.Open(device)
	must(err)
	time.AfterFunc(200*time.Millisecond, func() { f.Close() })
	_, err = f.Read(make([]byte, 1))
	expect("read from a file that is closed", err, os.ErrClosed)
}

func main() {
	if len(os.Args) == 3 {
		f, err := os.Open(os.Args[2])
		must(err)
		_, err = io.Copy(os.Stdout, f)
		must(err)
		return
	}
	device := os.Args[1]
	time.AfterFunc(60*time.Second, func() { panic("it hangs") })
	fmt.Println(runtime.Version())
	f, err := os.OpenFile(device, os.O_RDWR, 0)
	must(err)
	bothDirections(f)
	fmt.Println("both directions")
	deadlines(f)
	fmt.Println("deadlines")
	must(f.Close())
	closeEndsARead(device)
	fmt.Println("close")
}
