import type { Socket } from 'socket.io-client';
import { Channel, type Off, type Status } from './channel.js';
export interface PageOptions {
    /** Shows `alert` events, there: `top-right`, `bottom-center`… Without it the page sees to them. */
    alerts?: string | undefined;
    /** Follows `redirect` events within this site. */
    redirects?: boolean;
    /** The nonce for a style element; without it the styles come as a constructed sheet, which every CSP lets pass. */
    nonce?: string | undefined;
    /** The offset of the push log up to which the page already is, written into it by the server. */
    at?: string | undefined;
}
export interface CuelightOptions extends PageOptions {
    /** A socket of socket.io-client, connected or not. It stays the page's own. */
    socket: Socket;
}
/** Renews the parts of this page that ask for it, whenever an event reaches the socket. */
export declare class Cuelight {
    #private;
    readonly socket: Socket;
    /** One for a page. */
    constructor(options: CuelightOptions, channel?: Channel);
    get status(): Status;
    /** Calls listener for every such event, `*` for all, until the returned function is called. */
    on(event: string, listener: (message: unknown, event: string) => void): Off;
    /** Sends a message and returns what the server answered. Fails when no answer comes within timeout milliseconds. */
    send(event: string, message?: unknown, timeout?: number): Promise<unknown>;
    /** Renews the element's regions at once, even in a hidden tab; without an element all. */
    refresh(element?: Element): Promise<void>;
}
