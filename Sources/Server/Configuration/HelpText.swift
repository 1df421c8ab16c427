/// The two texts about the command line, each ended by a line feed.
enum HelpText {
    /// Follows the message when the command line cannot be read.
    static let usage = """
        Usage:

          etcd [flags]
            Run a member.

          etcd --version
            Print the version.

          etcd -h | --help
            Print all flags.

          etcd --config-file FILE
            Run a member with the parameters of FILE; other flags and ETCD_* variables do not count.

        """

    /// What `--help` prints: every flag with its default, in the groups of the table.
    static let full: String = {
        let defaults = Settings()
        var text = usage
        for group in FlagTable.groups {
            text += "\n\(group.title):\n"
            for flag in group.flags {
                let value = flag.shownDefault ?? flag.text(in: defaults)
                text += flag.isIgnored ? "  --\(flag.name)\n" : "  --\(flag.name) '\(value)'\n"
                text += "    \(flag.summary)\n"
                if flag.hasExperimentalName {
                    text += "    Also called --experimental-\(flag.name).\n"
                }
            }
        }
        return text + "\nA flag's environment variable is ETCD_ and its name in capitals, - as _.\n"
    }()
}
