// Package systemd speaks to the service manager that has started this process:
// by sd_notify(3) a unit of Type=notify is told that the service is up, reads its
// configuration again, or ends ([Notifier]); by sd_listen_fds(3) a socket unit
// hands its sockets on ([Listeners]).
//
// What holds:
//   - Where systemd has not asked for it (NOTIFY_SOCKET is not set) nothing is
//     sent, and nothing is an error. Sockets for another process are left alone.
//   - No child inherits what was meant for this process: the environment is
//     cleared of it as soon as it is read.
//   - Messages arrive in the order in which they were sent, and behind the one
//     that says that the service ends there is none that says otherwise.
//   - A service manager that does not read holds nobody up for longer than a second.
//
// There is no watchdog: a process whose timer runs still need not serve, and one
// that is full of requests, and answers no further one, must not be killed for it.
package systemd
