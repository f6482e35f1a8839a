package triggers

import (
	"testing"
	"time"
)

// FuzzCron checks that any text in any zone is refused with words or makes a calendar that says what it does and whose ticks come one
// after the other and in every year.
func FuzzCron(f *testing.F) {
	for _, text := range []string{
		"0 9 * * 1-5", "*/15 * * * *", "30 2 * * *", "0 0 29 2 1", "0 0 31 2 *", "@every 15m", "@daily", "0 9 ? * sun-7/2", "59 23 31 12 *",
		"TZ=0", "TZ=", "CRON_TZ=UTC", "TZ=TZ=TZ=", "1-59/7,*/3 0,1-3 */2 jan-dec/5 mon", "mon,thu 09:00", "last 09:00", "31 23:59", "09:00",
	} {
		f.Add(text, "America/New_York", int64(1741500000))
	}
	f.Add("0 0 * * *", "Pacific/Apia", int64(1325200000))
	f.Add("0 0 * * *", "Africa/Monrovia", int64(63593069))
	f.Add("7 */2 * * *", "America/Juneau", int64(-3225223728))
	f.Add("*/5 2 * * *", "../../etc/passwd", int64(1<<62))
	f.Fuzz(func(t *testing.T, text, zone string, unix int64) {
		for _, s := range []Spec{{Cron: text}, {Daily: text}, {Weekly: text}, {Monthly: text}} {
			s.TimeZone = zone
			c, err := NewCalendar(s, "")
			if err != nil {
				if err.Error() == "" {
					t.Errorf("%+v is refused without words", s)
				}
				continue
			}
			if c.Describe() == "" {
				t.Errorf("%+v has no words", s)
			}
			after := time.Unix(unix, 0)
			for range 20 {
				next, ok := c.Next(after)
				if !ok {
					if after.Year() < 9990 {
						t.Errorf("%+v ends after %s", s, after)
					}
					break
				}
				if !next.After(after) {
					t.Fatalf("%+v: %s is not after %s", s, next, after)
				}
				if again, _ := c.Next(next.Add(-time.Second)); !again.Equal(next) {
					t.Fatalf("%+v: %s, but from a second before it %s", s, next, again)
				}
				after = next
			}
		}
	})
}
