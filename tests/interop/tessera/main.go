// Command tessera checks a casebus tile export with the code of other people: Tessera's client and fsck (C2SP
// tlog-tiles), the transparency-dev Merkle proofs (RFC 6962), and signed notes with cosignatures (C2SP signed-note,
// tlog-cosignature). It prints one JSON document, or fails with the reason on stderr.
//
//	tessera FOLDER PROOFS.json LOG_KEY COSIGNER_KEY...
package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"

	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
)

type inclusion struct {
	Index uint64   `json:"index"`
	Entry string   `json:"entry"`
	Path  []string `json:"path"`
}

type consistency struct {
	Size uint64   `json:"size"`
	Root string   `json:"root"`
	Path []string `json:"path"`
}

type proofs struct {
	Inclusion   []inclusion   `json:"inclusion"`
	Consistency []consistency `json:"consistency"`
}

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(folder, proofsPath, logKey string, cosigners []string) error {
	ctx := context.Background()
	verifier, err := note.NewVerifier(logKey)
	if err != nil {
		return fmt.Errorf("log key: %w", err)
	}
	files := client.FileFetcher{Root: folder}
	head, raw, _, err := client.FetchCheckpoint(ctx, files.ReadCheckpoint, verifier, verifier.Name())
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	// One worker for each file of the tests' logs: a worker that meets an error ends, and fsck waits for one that reads.
	if err := fsck.New(verifier.Name(), verifier, files, hashes, fsck.Opts{N: 64}).Check(ctx); err != nil {
		return fmt.Errorf("fsck: %w", err)
	}
	for _, key := range cosigners {
		cosigner, err := fnote.NewVerifierForCosignatureV1(key)
		if err != nil {
			return fmt.Errorf("cosigner key: %w", err)
		}
		opened, err := note.Open(raw, note.VerifierList(cosigner))
		if err != nil {
			return fmt.Errorf("cosignature: %w", err)
		}
		if at, err := fnote.CoSigV1Timestamp(opened.Sigs[0]); err != nil || at.IsZero() {
			return fmt.Errorf("cosignature without a time: %w", err)
		}
	}
	given, err := read(proofsPath)
	if err != nil {
		return err
	}
	if err := check(ctx, files, given, head.Size, head.Hash); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"size": head.Size, "root": fmt.Sprintf("%x", head.Hash),
		"inclusion": len(given.Inclusion), "consistency": len(given.Consistency), "cosigners": len(cosigners),
	})
}

// hashes returns the leaf hashes of an entry bundle.
func hashes(raw []byte) ([][]byte, error) {
	bundle := api.EntryBundle{}
	if err := bundle.UnmarshalText(raw); err != nil {
		return nil, err
	}
	found := make([][]byte, 0, len(bundle.Entries))
	for _, entry := range bundle.Entries {
		found = append(found, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return found, nil
}

func read(path string) (proofs, error) {
	var given proofs
	raw, err := os.ReadFile(path)
	if err != nil {
		return given, err
	}
	return given, json.Unmarshal(raw, &given)
}

func check(ctx context.Context, files client.FileFetcher, given proofs, size uint64, root []byte) error {
	builder, err := client.NewProofBuilder(ctx, size, files.ReadTile)
	if err != nil {
		return fmt.Errorf("proof builder: %w", err)
	}
	for _, one := range given.Inclusion {
		entry, path := decode(one.Entry), decodeAll(one.Path)
		leaf := sha256.Sum256(append([]byte{0}, entry...))
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, one.Index, size, leaf[:], path, root); err != nil {
			return fmt.Errorf("inclusion of %d: %w", one.Index, err)
		}
		theirs, err := builder.InclusionProof(ctx, one.Index)
		if err != nil || !same(theirs, path) {
			return fmt.Errorf("inclusion of %d: not the proof from the tiles (%v)", one.Index, err)
		}
	}
	for _, one := range given.Consistency {
		path, old := decodeAll(one.Path), decode(one.Root)
		if err := proof.VerifyConsistency(rfc6962.DefaultHasher, one.Size, size, path, old, root); err != nil {
			return fmt.Errorf("consistency with %d: %w", one.Size, err)
		}
		theirs, err := builder.ConsistencyProof(ctx, one.Size, size)
		if err != nil || !same(theirs, path) {
			return fmt.Errorf("consistency with %d: not the proof from the tiles (%v)", one.Size, err)
		}
	}
	return nil
}

func decode(text string) []byte {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return raw
}

func decodeAll(texts []string) [][]byte {
	found := make([][]byte, 0, len(texts))
	for _, text := range texts {
		found = append(found, decode(text))
	}
	return found
}

func same(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if string(a[i]) != string(b[i]) {
			return false
		}
	}
	return true
}
