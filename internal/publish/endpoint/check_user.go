// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package endpoint

import clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

// unreadable is why the plugin kubeconfig-secretreader cannot get credentials out of a kubeconfig; nil where it can.
func unreadable(config *clientcmdapi.Config) *RejectedError {
	if len(config.Extensions) > 0 {
		return reject(UnsupportedExtensions, "extensions: credential plugins do not support top-level extensions")
	}
	context := config.Contexts[config.CurrentContext]
	user := config.AuthInfos[context.AuthInfo]
	if user == nil {
		return reject(
			NoCurrentContext,
			"contexts[%s].user: there is no user %q",
			quotable(config.CurrentContext),
			quotable(context.AuthInfo),
		)
	}
	return checkUser(quotable(context.AuthInfo), user)
}

// checkUser rejects what the plugin rejects, and everything that names a file or a program of the reader's machine.
func checkUser(name string, user *clientcmdapi.AuthInfo) *RejectedError {
	hasCertificate, hasKey := len(user.ClientCertificateData) > 0, len(user.ClientKeyData) > 0
	switch {
	case user.Exec != nil:
		return reject(
			ExecUser,
			"users[%s].exec: credentials from a program cannot be handed on; publish them with an access provider of their own",
			name,
		)
	case user.AuthProvider != nil:
		return reject(AuthProviderUser, "users[%s].auth-provider: client-go no longer supports it", name)
	case user.TokenFile != "":
		return reject(FileReference, "users[%s].tokenFile: only inline tokens can be read by others", name)
	case user.ClientCertificate != "":
		return reject(FileReference, "users[%s].client-certificate: names a file; use client-certificate-data", name)
	case user.ClientKey != "":
		return reject(FileReference, "users[%s].client-key: names a file; use client-key-data", name)
	case hasCertificate != hasKey:
		return reject(NoCredentials, "users[%s]: client-certificate-data and client-key-data must be set together", name)
	case !hasCertificate && user.Token == "":
		return reject(NoCredentials, "users[%s]: has neither a token nor a client certificate", name)
	}
	return nil
}
