import type { Socket } from 'socket.io-client';
export type Status = 'connecting' | 'live' | 'reconnecting' | 'refused';
/** What the server said when it refused the connection. */
export interface Refusal {
    readonly code: string;
    readonly message: string;
}
export type Listener = (message: unknown, event: string, offset: string) => void;
export type Watcher = (status: Status, refusal?: Refusal) => unknown;
export type Off = () => void;
/** The events of one socket, whoever opened it. Knows nothing of a page. */
export declare class Channel {
    #private;
    readonly socket: Socket;
    status: Status;
    /** Handled is asked at a refusal by its code, and returns true when the refusal counts for nothing. */
    constructor(socket: Socket, handled?: (code: string) => boolean);
    /** Calls listener for every such event, `*` for all, until the returned function is called. */
    on(event: string, listener: Listener): Off;
    /** Calls watcher whenever the status turns. */
    watch(watcher: Watcher): Off;
    /** Calls job after each connect before which something may have been missed. */
    onFresh(job: () => void): Off;
    /** Sends a message and returns what the server answered. Fails when no answer comes: not every event has a taker. */
    send(event: string, message?: unknown, timeout?: number): Promise<unknown>;
    /** Turns to refused, unless somebody sees to that. */
    refused(code: string, message: string): void;
    turn(status: Status, refusal?: Refusal): void;
}
