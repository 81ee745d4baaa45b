// Package config is the operator's main interface: the schema of the
// configuration file, its defaults, and how it is loaded and checked.
//
// A value comes from, in falling order: a flag, the environment, the file,
// the default. Load reads all of them with one set of rules and reports every
// mistake at once, each with the path of its key (lock.ttl,
// upstreams[0].servers[1].address), with what was found and with what is
// allowed; where there is a file, also with the line.
//
// Reload reads it again for a gate that runs: what such a gate can take over is
// marked in the schema, all else keeps its value.
//
// Invariants:
//   - The struct tree is the schema. Names of keys, of environment variables
//     and of what `config.example.yaml` must show are derived from it.
//   - Nothing is coerced: a duration has its unit, text in quotes is no
//     number, and a key is spelt as it is spelt here. What viper would
//     lower-case, convert or drop is refused before viper sees it.
//   - 0 means no limit; a null value says nothing, so the default holds.
//   - A list that is given replaces the default list whole. What an entry
//     leaves out takes the entry's defaults.
//   - Secrets stand in files or in the environment, and are never printed.
//
// The package does not compile rules (internal/rules does) and opens no
// network connection. CheckFiles alone looks at the machine.
package config
