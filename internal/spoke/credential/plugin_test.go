// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package credential_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// The test binary is its own plugin: as what it behaves, the variable playing says.
const playing = "CREDENTIAL_TEST_PLUGIN"

func TestMain(m *testing.M) {
	if role := os.Getenv(playing); role != "" {
		play(role)
		return
	}
	os.Exit(m.Run())
}

// plugin is the configuration of a plugin that plays a role, with the role's parameters as NAME=value.
func plugin(role string, parameters ...string) *clientcmdapi.ExecConfig {
	config := &clientcmdapi.ExecConfig{APIVersion: "client.authentication.k8s.io/v1", Command: os.Args[0], Env: []clientcmdapi.ExecEnvVar{
		{Name: playing, Value: role},
		// A process built with the race detector otherwise takes a second to end.
		{Name: "GORACE", Value: "atexit_sleep_ms=0"},
	}}
	for _, parameter := range parameters {
		name, value, _ := strings.Cut(parameter, "=")
		config.Env = append(config.Env, clientcmdapi.ExecEnvVar{Name: name, Value: value})
	}
	return config
}

// complaining is a plugin that fails with these lines on stderr.
func complaining(lines ...string) *clientcmdapi.ExecConfig {
	config := plugin("complain", "SECRET=swordfish-1")
	config.Args = lines
	return config
}

func play(role string) {
	switch role {
	case "say":
		fmt.Print(os.Getenv("SAY"))
	case "token":
		token, err := os.ReadFile(os.Getenv("TOKEN_FILE"))
		if err != nil {
			panic(err)
		}
		answer(string(token), os.Getenv("EXPIRES"))
	case "environment": // The environment and the arguments.
		raw, err := json.Marshal(append(os.Environ(), os.Args[1:]...))
		if err != nil {
			panic(err)
		}
		answer(base64.RawURLEncoding.EncodeToString(raw), "")
	case "complain":
		fmt.Fprint(os.Stderr, strings.Join(os.Args[1:], "\n"))
		os.Exit(3)
	case "flood":
		for {
			fmt.Print(strings.Repeat("x", 4096))
		}
	case "panic":
		panic("no hub: " + strings.Repeat("x", 10))
	case "dump": // A crash whose stacks are longer than what is kept of a plugin's complaints.
		fmt.Fprintln(os.Stderr, "starting\nfatal error: all goroutines are asleep - deadlock!")
		for i := range 200 {
			fmt.Fprintf(os.Stderr, "\ngoroutine %d [running]:\nmain.main()\n\t/src/main.go:%d +0x2b\n", i, i)
		}
		os.Exit(2)
	case "hang":
		connected()
		bear("child", childOf{})
		forever()
	case "leave-child": // It shares the output.
		bear("child", childOf{})
		answer("from-the-parent", "")
	case "leave-child-connected":
		conn := connected()
		bear("child", childOf{})
		answer("from-the-parent", "")
		runtime.KeepAlive(conn)
	case "fail-leaving-child":
		bear("child", childOf{})
		fmt.Fprint(os.Stderr, "no")
		os.Exit(3)
	case "leave-deaf-child":
		bear("child", childOf{deaf: true})
		answer("from-the-parent", "")
	case "child":
		connected()
		ready()
		forever()
	default:
		playOnSystem(role)
	}
}

func answer(token, expires string) {
	status := map[string]string{"token": token}
	if expires != "" {
		status["expirationTimestamp"] = expires
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{
		"apiVersion": "client.authentication.k8s.io/v1",
		"kind":       "ExecCredential",
		"status":     status,
	})
}

// childOf is how a child differs from its parent.
type childOf struct {
	deaf       bool
	attributes syscall.SysProcAttr
}

// bear starts a child of the plugin, and returns when the child is ready.
func bear(role string, how childOf) *os.Process {
	born, ready, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), playing+"="+role)
	child.ExtraFiles = []*os.File{ready}
	child.SysProcAttr = &how.attributes
	if !how.deaf {
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
	}
	if err := child.Start(); err != nil {
		panic(err)
	}
	if err := ready.Close(); err != nil {
		panic(err)
	}
	if _, err := io.ReadAll(born); err != nil {
		panic(err)
	}
	return child.Process
}

// forever outlasts every test.
func forever() { <-time.After(time.Hour) }

// ready signals the parent, which waits for it.
func ready() { _ = os.NewFile(3, "ready").Close() }

// connected holds a connection to the test for as long as the process lives: its end is that of the process.
func connected() net.Conn {
	if os.Getenv("LIFELINE") == "" {
		return nil
	}
	conn, err := net.Dial("tcp", os.Getenv("LIFELINE"))
	if err != nil {
		panic(err)
	}
	return conn
}
