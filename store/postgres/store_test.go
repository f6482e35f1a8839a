package postgres

import (
	"testing"

	"github.com/cuelight/cuelight/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }
