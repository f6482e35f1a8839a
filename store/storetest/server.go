package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Server is a PostgreSQL server that the test itself has started, with data of its own.
type Server struct {
	bin  string // where the server's programs lie
	dir  string
	port int
	who  *syscall.Credential
	cmd  *exec.Cmd
	end  chan struct{} // closed when the process has ended
}

var shared struct {
	sync.Mutex
	server *Server
	err    error
}

// Main runs the tests of a package that uses Postgres and stops the server afterwards.
func Main(m *testing.M) {
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		shared.server.remove()
	}
	os.Exit(code)
}

// Postgres gives the address of a fresh database on a server that all tests of the binary share: that of CUELIGHT_TEST_POSTGRES, else
// one made of the machine's own programs. The package's TestMain has to be Main. Where there is no server the test is skipped, or fails
// when CI is set.
func Postgres(t testing.TB) string {
	t.Helper()
	if given := os.Getenv("CUELIGHT_TEST_POSTGRES"); given != "" {
		return database(t, given)
	}
	shared.Lock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = newServer()
	}
	server, err := shared.server, shared.err
	shared.Unlock()
	without(t, err)
	return database(t, server.URL())
}

// NewServer starts a server for one test, which may stop and start it.
func NewServer(t testing.TB) *Server {
	t.Helper()
	s, err := newServer()
	without(t, err)
	t.Cleanup(s.remove)
	return s
}

var errNoServer = errors.New("no PostgreSQL programs on this machine")

// Skip skips a test for want of something on the machine, and says so on the terminal: go test hides what a green package prints.
func Skip(t testing.TB, what string) {
	t.Helper()
	if tty, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0); err == nil {
		_, _ = fmt.Fprintf(tty, "SKIPPED %s: %s\n", t.Name(), what)
		_ = tty.Close()
	}
	t.Skip(what)
}

func without(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errNoServer) && os.Getenv("CI") == "" {
		Skip(t, "NOTHING WAS TESTED ON POSTGRESQL: there are no server programs in /usr/lib/postgresql/*/bin or PATH, and CUELIGHT_TEST_POSTGRES is not set")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// database makes an empty database and drops it at the end of the test.
func database(t testing.TB, server string) string {
	t.Helper()
	name := "cue_" + strings.ToLower(rand.Text()[:12])
	db := SQL(t, server)
	if _, err := db.Exec(`CREATE DATABASE ` + name + ` TEMPLATE template0 ENCODING 'UTF8'`); err != nil {
		t.Fatalf("make a database: %v", err)
	}
	t.Cleanup(func() { _, _ = SQL(t, server).Exec(`DROP DATABASE IF EXISTS ` + name + ` WITH (FORCE)`) })
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// SQL opens a database for what a test does behind the store's back. The driver comes with store/postgres.
func SQL(t testing.TB, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func newServer() (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin}
	if s.dir, err = os.MkdirTemp("", "cuelight-postgres-"); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 {
		if err := s.unprivileged(); err != nil {
			return nil, err
		}
	}
	// An English order of letters, where there is one, proves that no query leaves the order to the database.
	if s.initdb("--locale-provider=icu", "--icu-locale=en-US", "--locale=C") != nil {
		_ = os.RemoveAll(s.data())
		if err := s.initdb("--locale=C"); err != nil {
			return nil, err
		}
	}
	for range 3 { // another process may take the port first
		if err = s.Start(); err == nil {
			return s, nil
		}
		s.port = 0
	}
	return nil, err
}

// programs finds the directory of the newest server.
func programs() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	best, newest := "", 0
	for _, path := range found {
		if n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))); n > newest {
			best, newest = filepath.Dir(path), n
		}
	}
	if best != "" {
		return best, nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", errNoServer
	}
	return filepath.Dir(path), nil
}

// unprivileged gives the server's directory to the user postgres: the server refuses to run as root.
func (s *Server) unprivileged() error {
	u, err := user.Lookup("postgres")
	if err != nil {
		return fmt.Errorf("%w: %w", errNoServer, err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	s.who = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(s.dir, uid, gid)
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) initdb(locale ...string) error {
	args := append([]string{"-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"}, locale...)
	cmd := exec.Command(filepath.Join(s.bin, "initdb"), args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.who}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

// URL is the address of the server's own database.
func (s *Server) URL() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", s.port)
}

// Database is a fresh database on this server.
func (s *Server) Database(t testing.TB) string { return database(t, s.URL()) }

// Start starts the server again after Stop, on the same port.
func (s *Server) Start() error {
	if s.port == 0 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		s.port = l.Addr().(*net.TCPAddr).Port
		_ = l.Close()
	}
	args := []string{"-D", s.data(), "-p", strconv.Itoa(s.port)}
	for _, setting := range []string{
		"listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=400", "shared_buffers=64MB", "autovacuum_naptime=5s",
		// The crashes that tests make are those of processes; what the machine's disk has seen does not matter to them.
		"fsync=off", "full_page_writes=off",
	} {
		args = append(args, "-c", setting)
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	s.cmd = exec.Command(filepath.Join(s.bin, "postgres"), args...)
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = s.dir, log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.who, Setpgid: true, Pdeathsig: syscall.SIGQUIT}
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	end := make(chan struct{})
	s.end = end
	time.AfterFunc(0, func() { _ = s.cmd.Wait(); close(end) })
	return s.ready()
}

// ready waits until the server answers, and makes sure that it is this one.
func (s *Server) ready() error {
	db, err := sql.Open("pgx", s.URL())
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		var dir string
		if err = db.QueryRowContext(ctx, `SHOW data_directory`).Scan(&dir); err == nil {
			if dir != s.data() {
				s.Stop()
				return fmt.Errorf("port %d belongs to another server, with %s", s.port, dir)
			}
			return nil
		}
		select {
		case <-s.end:
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("postgres ended: %s", log)
		case <-ctx.Done():
			s.Stop()
			return fmt.Errorf("postgres does not answer: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends the server at once, as a crash of it would.
func (s *Server) Stop() {
	_ = s.cmd.Process.Signal(syscall.SIGQUIT)
	select {
	case <-s.end:
	case <-time.After(10 * time.Second):
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		<-s.end
	}
}

func (s *Server) remove() {
	s.Stop()
	_ = os.RemoveAll(s.dir)
}
