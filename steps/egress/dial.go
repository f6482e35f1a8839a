package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"
)

// maxAddresses is how many addresses of a name are tried.
const maxAddresses = 16

// dial reaches a host of a URL for the transport. All connections of the client are made here.
func (c *Client) dial(ctx context.Context, _, address string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, refused("EGRESS_URL", "the URL names no host")
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, refused("EGRESS_PORT", "the port must be a number from 1 to 65535")
	}
	limit, ok := ctx.Value(connectKey{}).(time.Duration)
	if !ok {
		limit = defaultConnect
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	addrs, err := c.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	var worst error
	for i, ip := range addrs {
		conn, err := c.connect(ctx, host, netip.AddrPortFrom(ip.Unmap(), uint16(port)), len(addrs)-i)
		if err == nil {
			return conn, nil
		}
		// A server that does not answer says more than one of its addresses that is refused.
		if _, isRefusal := asError(err); worst == nil || !isRefusal {
			worst = err
		}
	}
	if _, ok := asError(worst); ok || ctx.Err() == nil {
		return nil, worst
	}
	return nil, failed("HTTP_TIMEOUT", true, worst, "%s could not be reached within %s", host, limit)
}

func (c *Client) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	addrs, err := c.opt.Resolver.LookupNetIP(ctx, "ip", host)
	if err == nil && len(addrs) > 0 {
		return addrs[:min(len(addrs), maxAddresses)], nil
	}
	if ctx.Err() != nil {
		return nil, failed("HTTP_TIMEOUT", true, err, "the address of %s could not be found in time", host)
	}
	if e, ok := errors.AsType[*net.DNSError](err); err == nil || ok && e.IsNotFound {
		return nil, failed("HTTP_DNS", false, err, "there is no host %s; check how it is written", host)
	}
	return nil, failed("HTTP_DNS", true, err, "the address of %s could not be found now", host)
}

// connect dials one address, within its share of the time that is left. The address is judged by the dialer's own hook: what is judged there
// is what the system call gets.
func (c *Client) connect(ctx context.Context, host string, to netip.AddrPort, left int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok {
		share := max(time.Until(deadline)/time.Duration(left), minShare)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, share)
		defer cancel()
	}
	d := net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		final, err := netip.ParseAddrPort(address)
		if err != nil {
			return refused("EGRESS_ADDRESS", "the address of %s cannot be read", host)
		}
		return c.judge(host, final)
	}}
	return d.DialContext(ctx, "tcp", to.String())
}

// minShare keeps the tries of a name with many addresses long enough to have a chance.
const minShare = time.Second
