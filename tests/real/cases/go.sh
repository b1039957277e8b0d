# Go: a module with a package and a test, built and run; many small opens while its runtime signals its threads.
# needs: go
# user: ordinary
# varying: program home/*
export HOME=$PWD/home GOCACHE=$PWD/cache GOPATH=$PWD/path
mkdir home
mkdir sum && printf 'module example.org/m\ngo 1.20\n' >go.mod && printf 'package sum\nfunc Of(x ...int) (s int) { for _, v := range x { s += v }; return }\n' >sum/sum.go
cat >main.go <<'GO'
package main
import ("os"; "sync"; "example.org/m/sum")
func main() {
	var wait sync.WaitGroup
	wrong := make(chan error, 10000)
	for i := 0; i < 8; i++ {
		wait.Add(1)
		go func(i int) {
			defer wait.Done()
			name := string(rune('a' + i))
			for j := 0; j < 500; j++ {
				if err := os.WriteFile(name, []byte{byte(j)}, 0o600); err != nil { wrong <- err }
				if _, err := os.ReadFile(name); err != nil { wrong <- err }
			}
		}(i)
	}
	wait.Wait()
	println(len(wrong), sum.Of(1, 2, 3))
	_, err := os.Open("missing"); println(err.Error())
	os.Exit(5)
}
GO
printf 'package sum\nimport "testing"\nfunc TestOf(t *testing.T) { if Of(1, 2) != 3 { t.Fail() } }\n' >sum/sum_test.go
go build -o program . && ./program; echo "the program said $?"; gofmt -l sum
cat >run.go <<'GO'
//go:build ignore

package main
import "os"
func main() { println("run"); os.Exit(4) }
GO
go run run.go; echo "go run said $?"; go test -vet=off -count=1 ./sum | cut -f1,2; rm -rf cache path home
