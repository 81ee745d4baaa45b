// Package systemd speaks to the service manager that has started this process:
// sd_notify(3), by which a unit of Type=notify is told that the service is up,
// reads its configuration again, or ends.
//
// What holds:
//   - Where systemd has not asked for it (NOTIFY_SOCKET is not set) nothing is
//     sent, and nothing is an error.
//   - No child inherits what was meant for this process: the environment is
//     cleared of it as soon as it is read.
//   - Messages arrive in the order in which they were sent, and behind the one
//     that says that the service ends there is none that says otherwise.
//   - A service manager that does not read holds nobody up for longer than a second.
//
// There is no watchdog: a process whose timer runs still need not serve, and one
// that is full of requests, and answers no further one, must not be killed for it.
package systemd
