// One program that is a whole Kubernetes control plane for tests: its first argument says which part.
//
// Nothing of Kubernetes or etcd is copied here. Both are Go modules under the Apache License 2.0, fetched and checked
// against go.sum by the Go command; what is built from them stays in the cache of whoever runs the tests and is never
// shipped. k8s.io/kubernetes names its staging modules at v0.0.0, so go.mod replaces each with the one of its release.
//
// With TRUEUP_TIED_TO_STDIN set, a part ends as soon as its standard input does. Only the parent holds the other end,
// so no part outlives a parent, whatever ended that one, on systems that cannot signal a child of a dead parent too.
// The part that is also given TRUEUP_REMOVE_AT_END then removes that directory, as the parent no longer can.
package main

import (
	"fmt"
	"io"
	"os"
	"time"
	_ "time/tzdata" // CronJobs name time zones, and the machine may have none

	"github.com/spf13/cobra"
	etcd "go.etcd.io/etcd/server/v3/etcdmain"
	_ "k8s.io/client-go/plugin/pkg/client/auth"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlerror "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

var servers = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllers.NewControllerManagerCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
}

func main() {
	part := ""
	if len(os.Args) > 1 {
		part = os.Args[1]
		// Every part reads os.Args itself, so it must look as if it had been called by its own name.
		os.Args = os.Args[1:]
	}
	if os.Getenv("TRUEUP_TIED_TO_STDIN") != "" {
		go endWithStdin(os.Getenv("TRUEUP_REMOVE_AT_END"))
	}
	switch {
	case servers[part] != nil:
		os.Exit(cli.Run(servers[part]()))
	case part == "etcd":
		etcd.Main(os.Args)
	case part == "kubectl":
		if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
			kubectlerror.CheckErr(err)
		}
	default:
		fmt.Fprintf(os.Stderr, "Cannot start as the first argument must be etcd, kube-apiserver, kube-controller-manager, "+
			"kube-scheduler or kubectl: it is %q.\n", part)
		os.Exit(2)
	}
}

// endWithStdin waits until standard input is closed, then ends this process at once: what it holds is of no use any more.
func endWithStdin(directory string) {
	io.Copy(io.Discard, os.Stdin)
	if directory != "" {
		// The other parts may write a last file meanwhile, so a directory can refuse to go at first.
		for tries := 0; tries < 20 && os.RemoveAll(directory) != nil; tries++ {
			time.Sleep(50 * time.Millisecond)
		}
	}
	os.Exit(0)
}
